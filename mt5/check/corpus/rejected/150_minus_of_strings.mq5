// 150: Strings are subtracted.
void OnTick() { string a = "x"; string b = a - "y"; Print(b); }

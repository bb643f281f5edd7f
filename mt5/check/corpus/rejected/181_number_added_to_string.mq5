// 181: A number is added to a string.
void OnTick() { string a = "n " + StringLen("abc"); Print(a); }

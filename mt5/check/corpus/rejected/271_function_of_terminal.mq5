// 271: A function of the program with the name of a built-in.
int StringLen(string text) { return 1; }
void OnTick() { Print(StringLen("x")); }

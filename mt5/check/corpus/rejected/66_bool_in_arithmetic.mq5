// 66: Arithmetic with bool values.
void OnTick() { bool isBig = StringLen("abc") > 2; int n = 1 + isBig; Print(n); }

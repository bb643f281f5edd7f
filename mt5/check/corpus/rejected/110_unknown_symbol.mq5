// 110: A symbol that the language has not.
void OnTick() { int a = 1 @ 2; Print(a); }

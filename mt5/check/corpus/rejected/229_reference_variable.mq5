// 229: A variable that is a reference.
void OnTick() { int a = 1; int &b = a; Print(b); }

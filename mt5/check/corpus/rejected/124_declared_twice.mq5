// 124: A variable that is declared twice.
void OnTick() { int n = 1; int n = 2; Print(n); }

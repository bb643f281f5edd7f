// 110: A symbol that MQL5 lacks.
void OnTick() { int a = 1 @ 2; Print(a); }

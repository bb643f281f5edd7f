// 280: A dot behind a number.
void OnTick() { int a = 1; Print(a.size); }

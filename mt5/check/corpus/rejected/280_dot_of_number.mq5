// 280: A dot after a number.
void OnTick() { int a = 1; Print(a.size); }

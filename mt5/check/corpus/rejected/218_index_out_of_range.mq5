// 218: An index past the end.
void OnTick() { int a[3]; a[3] = 1; Print(a[0]); }

// 150: An array is assigned.
void OnTick() { int a[2]; int b[2]; a[0] = 1; b = a; Print(b[0]); }

// 150: Arithmetic with an array.
void OnTick() { int a[2]; int b = a + 1; Print(b, a[0]); }

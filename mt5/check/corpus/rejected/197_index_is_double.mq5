// 197: An index that is not an integer.
void OnTick() { int a[3]; double at = 1.0; a[at] = 1; Print(a[0]); }

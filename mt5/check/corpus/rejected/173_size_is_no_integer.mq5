// 173: The size of an array is not an integer.
void OnTick() { int a[1.5]; Print(a[0]); }

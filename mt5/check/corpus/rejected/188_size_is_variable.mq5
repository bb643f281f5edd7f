// 188: The size of an array is a variable.
void OnTick() { int n = 3; int a[n]; Print(a[0]); }

// 241: An index of a value that is not an array.
void OnTick() { int a = 1; Print(a[0]); }

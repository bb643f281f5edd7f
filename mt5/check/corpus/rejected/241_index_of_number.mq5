// 241: An index of what is no array.
void OnTick() { int a = 1; Print(a[0]); }

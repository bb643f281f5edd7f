// 241: A number where an array is expected.
void OnTick() { int a = 1; Print(ArraySize(a)); }

// 168: A variable is called.
void OnTick() { int size = 1; Print(size(2)); }

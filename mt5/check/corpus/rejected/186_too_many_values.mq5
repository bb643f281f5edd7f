// 186: More values than elements.
void OnTick() { int a[2] = {1, 2, 3}; Print(a[0]); }

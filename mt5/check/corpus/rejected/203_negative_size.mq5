// 203: A size below one.
void OnTick() { int a[-1]; Print(a[0]); }

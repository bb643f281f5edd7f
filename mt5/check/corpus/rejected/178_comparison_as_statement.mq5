// 178: == instead of =.
void OnTick() { int a = 1; a == 2; Print(a); }

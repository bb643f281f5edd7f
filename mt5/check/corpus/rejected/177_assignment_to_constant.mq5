// 177: A number is assigned to.
void OnTick() { int a = 1; a + 1 = 2; Print(a); }

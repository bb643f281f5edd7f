// 154: A semicolon is missing.
void OnTick() { int a = 1
 Print(a); }

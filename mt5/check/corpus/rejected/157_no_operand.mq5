// 157: An operand is missing.
void OnTick() { int a = 1 + ; Print(a); }

// 198: Division by the constant zero.
void OnTick() { int a = StringLen("x") / 0; Print(a); }

// 149: A reserved word as an expression.
void OnTick() { int a = class; Print(a); }

// 151: The result of a void function is used.
void Nothing() { Print("x"); }
void OnTick() { int a = Nothing(); Print(a); }

// initialize_locals: A local variable without a value.
void OnTick() { int a; a = StringLen("a"); Print(a); }

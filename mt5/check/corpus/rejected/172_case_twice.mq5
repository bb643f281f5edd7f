// 172: The same value after two cases.
void OnTick() { switch(StringLen("a")) { case 1: Print("x"); break; case 1: Print("y"); break; } }

// 187: A variable behind case.
void OnTick() { int b = 1; switch(StringLen("a")) { case b: Print("x"); break; } }

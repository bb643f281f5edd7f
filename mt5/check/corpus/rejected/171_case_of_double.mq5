// 171: A fraction behind case.
void OnTick() { switch(StringLen("a")) { case 1.5: Print("x"); break; } }

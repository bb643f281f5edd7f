// 171: A fraction after case.
void OnTick() { switch(StringLen("a")) { case 1.5: Print("x"); break; } }

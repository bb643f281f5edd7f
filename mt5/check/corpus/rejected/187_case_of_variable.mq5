// 187: A variable after case.
void OnTick() { int b = 1; switch(StringLen("a")) { case b: Print("x"); break; } }

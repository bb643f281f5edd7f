// 179: A variable after case.
void OnTick() { switch(StringLen("a")) { case 1: int b = 1; Print(b); break; } }

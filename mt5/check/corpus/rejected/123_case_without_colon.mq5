// 123: case without a colon.
void OnTick() { switch(StringLen("a")) { case 1 Print("x"); break; } }

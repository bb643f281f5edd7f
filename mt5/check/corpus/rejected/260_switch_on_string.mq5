// 260: A switch on a string.
void OnTick() { switch(_Symbol) { case 1: Print("x"); break; } }

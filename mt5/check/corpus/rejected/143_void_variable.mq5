// 143: A variable of type void.
void OnTick() { void nothing; Print("x"); }

// 256: A variable of a loop after it.
void OnTick() { for(int k = 0; k < 3; k++) Print(k); Print(k); }

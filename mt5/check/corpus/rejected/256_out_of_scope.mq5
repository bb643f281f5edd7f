// 256: A variable of a loop behind it.
void OnTick() { for(int k = 0; k < 3; k++) Print(k); Print(k); }

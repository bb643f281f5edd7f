// 44: A constant loses its fraction.
void OnTick() { int whole = 1.5; Print(whole); }

// 43: A double becomes an int.
void OnTick() { double price = 1.5 * MathSqrt(2.0); int whole = price; Print(whole); }

// 149: A closing brace too many.
void OnTick() { Print("x"); } }

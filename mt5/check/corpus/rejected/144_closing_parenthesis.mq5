// 144: A closing parenthesis too many.
void OnTick() { Print("x")); }

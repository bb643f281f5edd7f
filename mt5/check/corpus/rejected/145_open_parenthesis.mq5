// 145: A parenthesis that is not closed.
void OnTick() { Print(("x"); }

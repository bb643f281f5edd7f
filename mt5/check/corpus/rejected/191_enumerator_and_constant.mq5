// 191: An enumerator with the name of a constant of the terminal.
enum Way { PERIOD_H1, WAY_B };
void OnTick() { Print("x"); }

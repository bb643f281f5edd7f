// 230: An enumeration that is declared twice.
enum Way { WAY_A };
enum Way { WAY_B };
void OnTick() { Print("x"); }

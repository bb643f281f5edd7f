// 190: Members of an enumeration without a comma.
enum Way { WAY_A WAY_B };
void OnTick() { Print("x"); }

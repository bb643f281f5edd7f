// 372: #ifdef without #endif.
#ifdef NOTHING
void OnTick() { Print("x"); }

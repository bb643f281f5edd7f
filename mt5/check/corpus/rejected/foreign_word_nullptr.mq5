// foreign_word: nullptr.
void OnTick() { Print(nullptr); }

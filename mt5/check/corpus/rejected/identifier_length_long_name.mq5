// identifier_length: A name of more than 63 characters.
int g_aNameThatIsLongerThanSixtyThreeCharactersAndThatIsWhyItIsRefused = 1;
void OnTick() { Print("x"); }

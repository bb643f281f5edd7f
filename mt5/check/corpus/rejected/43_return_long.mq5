// 43: The result is narrower than what is returned.
int Login() { return AccountInfoInteger(ACCOUNT_LOGIN); }
void OnTick() { Print(Login()); }

/** Methods against class imbalance. Each is applied only to the training rows of a fold. */
export const BALANCES = ['none', 'class_weights', 'undersample', 'smote', 'focal'] as const;
export type Balance = (typeof BALANCES)[number];

/** Those of a direction model: `mirror` adds the mirror image of each row, with class weights. */
export const DIRECTION_BALANCES = [...BALANCES, 'mirror'] as const;
export type DirectionBalance = (typeof DIRECTION_BALANCES)[number];
/** The one of a training that asks for no other. */
export const DIRECTION_BALANCE = 'class_weights' satisfies DirectionBalance;

/** Roles whose label is a class: that of AI3 is a fraction. */
export const BALANCED_ROLES = ['ai1', 'ai2'] as const;
export type BalancedRole = (typeof BALANCED_ROLES)[number];

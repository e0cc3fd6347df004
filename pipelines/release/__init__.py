"""Release of models: gates, promotion, rollback, the history of champions, and the model card."""
